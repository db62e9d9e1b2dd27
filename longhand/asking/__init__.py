"""What a document can be asked, and the files that it is asked with."""
