# Words for what the server names by short ones: shared by all pages that show them. An underscore there is a dash here.

# Why something rests, or a request failed
reason-unauthorized = The provider does not accept the key
reason-forbidden = The provider refuses, for no reason that is known
reason-key-limit = The key’s own spending limit is reached
reason-session-quota = The account’s session quota is used up
reason-weekly-quota = The account’s weekly quota is used up
reason-monthly-quota = The account’s monthly quota is used up
reason-free-quota = The account’s free requests of the day are used up
reason-no-credit = The account’s balance is too low
reason-rate-limit = Too many requests in a short time
reason-concurrency = Too many requests of the account at once
reason-subscription = The account’s plan does not include the model
reason-three-strikes = Three failures of the key in a row
reason-manual = Disabled by an admin
reason-overloaded = Overloaded
reason-server-error = Errors of the provider’s server
reason-timeout = No answer in time
reason-network = The provider cannot be reached
reason-address-blocked = The provider keeps this server’s address out
reason-invalid-request = The request is not accepted
reason-model-not-found = The provider does not have the model
reason-malformed = The answer cannot be read

# How sure the end of a rest is
provenance-stated = stated by the provider
provenance-computed = computed from a known window
provenance-guessed = estimated; ends with a probe

# Who is charged with a failed attempt
scope-request = The client’s request
scope-key = The key
scope-account = The account
scope-account-model = The account, for this model
scope-model = The model
scope-provider = The provider

# What asking about a key told, and what was asked
verdict-valid = Accepted
verdict-invalid = Rejected
verdict-unknown = Not found out
checked-by-identity = asked whose key it is
checked-by-model-list = asked for the list of models
checked-by-chat = asked by a chat

# What a job does
job-kind-check = Verify keys
job-kind-import = Import keys
job-kind-enable = Enable keys
job-kind-disable = Disable keys
job-kind-amend = Change label or expiry
job-kind-delete = Delete keys

# What came of an item of a job
job-result-added = Added
job-result-existing = There already
job-result-valid = Accepted
job-result-invalid = Rejected
job-result-unknown = Not found out
job-result-duplicate = Twice in the list
job-result-skipped = Blank or comment
job-result-refused = Not readable
job-result-not-found = Gone
job-result-done = Changed
job-result-pending = Not done
job-result-other = Something else
