-- fails: 3D000
DROP DATABASE homework_helper_old;
