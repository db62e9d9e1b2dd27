"""Teaching a sentence encoder that knows English further languages: texts, their English, the encoder, its release."""
