//! Holds no code: its manifest gives every member of the workspace the same features of shared libraries.
