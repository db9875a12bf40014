"""An assay as AnnData: one h5ad file, or a folder of them."""
