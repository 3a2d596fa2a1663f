//! The shell around the domain: inputs become commits, commits become work.
