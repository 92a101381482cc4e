"""Pages for people who come by a link in a mail, without signing in; the web manager's own come later."""
