sign-in-title = Sign in
sign-in-token = Admin token
sign-in-hint = Shown once at the first start, or kept as "admin-token" in the data directory. Lost it? Run "ollama-api-pool admin reset-token" on the server.
sign-in-hint-configured = The one that the option ADMIN_TOKEN sets.
sign-in-keep = Stay signed in for 7 days
sign-in-submit = Sign in
sign-in-wrong = This is not the admin token.
