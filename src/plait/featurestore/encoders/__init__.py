"""Encoders: what turns a note, a series or a slide into one vector, declared so that anyone can tell which one it was."""
