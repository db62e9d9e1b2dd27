"""What is read from and written to the tables, by kind of row; every function takes an open connection."""
