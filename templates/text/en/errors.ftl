error-sign-in-title = Sign in
error-sign-in = This page is for the admin.
error-forbidden-title = Not from here
error-other-site = This form came from another site, or your browser does not say from where. Nothing was changed.
error-other-network = This cannot be reached from your address. The option ADMIN_NETWORKS says from where it can.
error-not-found-title = Nothing here
error-not-found = There is no such page, or it is switched off.
error-method = This page does not take that method.
error-bad-request-title = That cannot be read
error-bad-request = The request is not one that this page takes. Nothing was changed.
error-too-large = That is larger than this server accepts. The limit is its option MAX_BODY_SIZE.
error-conflict-title = Not as things are
error-too-many =
    { $n ->
        [one] Too many wrong admin tokens came from this address. Wait 1 second and try again.
       *[other] Too many wrong admin tokens came from this address. Wait { $n } seconds and try again.
    }
error-unavailable-title = Not now
error-busy = The database is busy. Nothing was changed. Try again.
error-stopping = This server is shutting down.
error-disk-full = The disk is full. Nothing was changed. Requests are still answered.
error-internal-title = Something failed here
error-internal = The log of this server says what, under the name of this request.
error-request = Request { $id }
error-home = To the first page
