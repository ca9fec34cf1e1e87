security-title = Security
security-sub = Who is signed in, and the admin token
security-sessions = Signed in
security-session-this = This browser
security-session-from = From
security-session-agent = Browser
security-session-since = Since
security-session-seen = Last seen
security-session-expires = Ends
security-session-end = Sign out
security-session-ended = Signed out there.
security-session-gone = That one is signed out already.
security-sessions-end-others = Sign out everywhere else
security-sessions-ended =
    { $n ->
        [one] Signed out in 1 other place.
       *[other] Signed out in { $n } other places.
    }
security-unknown = unknown
security-token-title = Admin token
security-token-configured = The option ADMIN_TOKEN sets it. Change it there and start the server again: everybody is signed out then.
security-token-text = A new one replaces the one in force at once. Programs that use the old one are refused, and everybody is signed out, you included.
security-token-current = Admin token in force
security-token-submit = Make a new admin token…
security-token-new-title = The new admin token
security-token-new-text = It is in force, and shown this once. Keep it in a safe place, then sign in with it.
security-token-new-label = Admin token
security-token-new-continue = Sign in
