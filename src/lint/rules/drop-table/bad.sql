-- Orders are kept elsewhere.
DROP TABLE orders CASCADE;
