//! Source hosts: webhook verification and parsing.
