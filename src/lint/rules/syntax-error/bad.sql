-- fails: 42601
ALTR TABLE users ADD COLUMN note text;
