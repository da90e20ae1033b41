-- Orders are read in order of their users.
CLUSTER orders USING orders_user_id_idx;
