"""A cBioPortal study: clinical tables, mutations, structural variants and matrices, as its meta files name them."""
