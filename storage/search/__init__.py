"""Search among stored plan items and sentences, by meaning and by words."""
