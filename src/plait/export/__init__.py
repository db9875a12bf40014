"""What leaves a study: packages that others can find, open and trust, and that give nobody away."""
