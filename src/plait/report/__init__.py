"""The study's web page: one file that needs nothing else, with what its books, its checks and its feature store say of it."""
