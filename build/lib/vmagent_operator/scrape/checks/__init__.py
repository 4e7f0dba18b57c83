"""What is wrong with a text or an object, before it goes anywhere."""
