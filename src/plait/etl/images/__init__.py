"""What is done with images that a study has: their files are checked, and a picture is made of one."""
