"""Codes and concepts: which codes have none, what each may mean, who approved it, and what a new release would change."""
