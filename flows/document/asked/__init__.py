"""What a document is asked: prompt, wishes and the options that are stored with it."""
