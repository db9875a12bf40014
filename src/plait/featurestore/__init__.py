"""The feature store: values, masks and reasons for the moments of a patient's life that are asked for."""
