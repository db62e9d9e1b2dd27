"""What makes models: corpora, losses, loops, recipes, measures, releases. What writes documents never imports it."""
