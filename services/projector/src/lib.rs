//! Follows EVENTS and keeps the read models.
