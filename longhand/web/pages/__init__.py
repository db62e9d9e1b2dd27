"""The inspector's pages, one module for each group of them."""
