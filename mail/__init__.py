"""Mail: notification of new messages now, hosted mail and billing later."""
