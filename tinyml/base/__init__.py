"""What all stands on: errors, files, programs, data files, ELF files, the console."""
