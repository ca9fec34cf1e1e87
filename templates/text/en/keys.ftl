# The list
keys-sub =
    { $n ->
        [one] 1 key
       *[other] { $n } keys
    }
keys-all = All
keys-state = State
keys-key = Key
keys-provider = Provider
keys-class = Class
keys-verdict = Last check
keys-day = Last 24 h
keys-requests = Requests
keys-answered = Answered
keys-used = Last used
keys-added = Added
keys-sort = Order
keys-filter = Filter
keys-search = Search keys
keys-search-hint = Label, last 4 characters or a whole key
keys-every-provider = All providers
keys-every-class = All classes
keys-class-kimi = Kimi
keys-class-llama = Llama
keys-class-qwen = Qwen
keys-class-general = Several families
keys-class-other = Other models
keys-class-none = Class not known
keys-every-verdict = All checks
keys-verdict-valid = Accepted
keys-verdict-invalid = Rejected
keys-verdict-unknown = Not found out
keys-verdict-none = Never checked
keys-sort-added = Newest first
keys-sort-label = By label
keys-sort-provider = By provider
keys-sort-state = By state
keys-sort-expires = Expire first
keys-sort-used = Last used first
keys-sort-requests = Most requests
keys-sort-failures = Most failures
keys-sort-answered = Fewest answered
keys-pick = Pick key { $key }
keys-actions-of = Actions for key { $key }
keys-over = is tried again
keys-why-cooling = { $reason }, { $provenance }
keys-why-rejected = { $reason }; it is tried again then
keys-why-disabled = By the admin, until it is enabled
keys-why-disabled-until = By the admin, for a time
keys-why-strikes =
    { $n ->
        [one] 1 failure just now
       *[other] { $n } failures in a row
    }
keys-why-expires = Expires in { $span }
keys-empty = No keys yet
keys-empty-text = Add the first upstream key and this server can answer. One is enough.
keys-no-match = No key matches “{ $text }”
keys-none-so = No key is like that
keys-hidden =
    { $n ->
        [one] 1 key is hidden by the filter.
       *[other] { $n } keys are hidden by the filter.
    }
keys-unknown = No key of the pool is this one
keys-unknown-text = No label has this text either. What you typed is not repeated here, because it may be a key.
keys-clear = Remove all filters

# What can be done
keys-export = Export…
keys-verify-all = Verify all
keys-add-one = Add a key…
keys-add-many = Import keys
keys-show = Show
keys-verify = Verify
keys-enable = Enable
keys-disable = Disable for…
keys-edit = Change…
keys-reveal = Reveal…
keys-delete = Delete…
keys-all-delete =
    { $n ->
        [one] Delete this key…
       *[other] Delete these { $n } keys…
    }

# One key
keys-label = Label
keys-no-label = none
keys-expires = Expires
keys-never = Never
keys-id = Id
keys-facts = Facts
keys-range = Range
keys-of-range = attempts with this key
keys-attempts = Attempts
keys-answered-attempts = Answered
keys-failed = Failed
keys-left = Client left
keys-failed-own-scale = Failed, own scale
keys-failed-left = { $failed } failed · { $left } clients left
keys-input = Tokens in
keys-output = Tokens out
keys-cost = Cost
keys-cost-note = as far as the provider states it
keys-last-success = Last answer
keys-last-failure = Last failure
keys-all-time = All time
keys-all-time-text = { $requests } attempts, { $share } answered
keys-enable-now = Enable now
keys-verify-again = Verify again
keys-extend = Change the expiry…
keys-history = History
keys-history-all = All { $n } changes
keys-history-none = Nothing was changed of this key.
keys-history-note = Changes to more than 20 keys at once have one entry in the audit log, and none here.
keys-history-add = Added
keys-history-enable = Enabled
keys-history-disable = Disabled
keys-history-edit = Changed
keys-history-check = Verified
keys-history-reveal = Shown whole
keys-history-other = Something else
keys-history-until = Until
keys-by-admin = By the admin
keys-by-system = By the server itself
keys-from = from { $address }

# Forms
keys-disable-one = Disable key { $key }
keys-disable-title =
    { $n ->
        [one] Disable 1 key
       *[other] Disable { $n } keys
    }
keys-disable-submit =
    { $n ->
        [one] Disable the key
       *[other] Disable { $n } keys
    }
keys-duration = For how long
keys-duration-hint = What is in flight finishes. The key comes back by itself when the time is over.
keys-for-hour = 1 hour
keys-for-six-hours = 6 hours
keys-for-day = 1 day
keys-for-week = 7 days
keys-for-month = 30 days
keys-for-ever = Until it is enabled
keys-edit-one = Change key { $key }
keys-edit-title =
    { $n ->
        [one] Change 1 key
       *[other] Change { $n } keys
    }
keys-edit-submit =
    { $n ->
        [one] Save
       *[other] Change { $n } keys
    }
keys-label-hint = Whose it is, or where it comes from: shown in lists and in the audit log
keys-label-hint-many = Left empty, each key keeps its label
keys-label-wrong = A label has at most 200 characters, without line breaks.
keys-until-day = Or at the end of
keys-until-day-hint = Counts instead, where it is given. Days end in { $zone }.
keys-delete-one = Delete key { $key }?
keys-delete-title =
    { $n ->
        [one] Delete 1 key?
       *[other] Delete { $n } keys?
    }
keys-delete-submit =
    { $n ->
        [one] Delete the key
       *[other] Delete { $n } keys
    }
keys-delete-what = A key of { $provider } that was tried { $requests } times.
keys-delete-lost =
    { $n ->
        [one] It leaves the pool at once; requests in flight finish first. The key itself cannot be brought back. Its statistics stay.
       *[other] They leave the pool at once; requests in flight finish first. The keys themselves cannot be brought back. Their statistics stay.
    }
keys-keep =
    { $n ->
        [one] Keep it
       *[other] Keep them
    }
keys-by-job = A job does it, which goes on when this page is closed.
keys-admin-token = Admin token
keys-reveal-title = Reveal a key
keys-reveal-one = Reveal key { $key }
keys-reveal-text = The audit log keeps that it was shown, and to which address.
keys-reveal-submit = Reveal the key
keys-revealed-title = The whole key
keys-revealed-one = Key { $key }
keys-revealed-text = Whoever has it can ask its provider at its owner’s expense. Close this when you are done.
keys-add-title = Add a key
keys-add-submit = Add the key
keys-add-verify = Verify it first
keys-add-verify-hint = The provider is asked whose key it is or which models there are. That costs nothing, and a key that is not accepted is not added.
keys-whole = API key
keys-whole-hint = As the provider gave it to you. It is stored encrypted.
keys-not-added = It was not added.
keys-export-title =
    { $n ->
        [one] Export 1 key
       *[other] Export { $n } keys
    }
keys-export-submit = Export
keys-export-format = Form
keys-export-csv = CSV, for a spreadsheet
keys-export-json = JSON, for a program
keys-export-txt = Text, one key on each line, as an import reads it
keys-export-secrets = With the keys themselves
keys-export-secrets-hint = Otherwise only their last 4 characters are told. The audit log keeps who asked.
keys-export-token-hint = Only for the keys themselves
keys-export-only-secrets = A text has nothing but the keys: choose another form, or export the keys themselves.

# Import
keys-import-title = Import keys
keys-import-sub = Nothing is stored before you have seen what will happen
keys-import-text = Keys
keys-import-lines = One key on each line, or JSON
keys-import-hint = Understood are: key, label----key, account lists with four fields or more between ----, and JSON with texts or objects. Of an account list only the key and a label are kept.
keys-import-file = Drop a file here, or pick one
keys-import-file-hint = Text, CSV with one key on each line, or JSON
keys-import-label = Label for those without one
keys-import-label-hint = May stay empty
keys-import-accounts = In account lists
keys-import-fourth = The fourth field is the key
keys-import-last = The last field is the key, the first its label
keys-import-accounts-hint = Only for lines with four fields or more
keys-import-verify = Verify each key before it is added
keys-import-verify-hint = A job asks the provider, which costs nothing. Keys that are not accepted are not added.
keys-import-unknown = Also add keys of which the provider says nothing
keys-import-unknown-hint = Only where keys are verified
keys-import-preview = Show what will happen
keys-import-happens = What will happen
keys-import-before = Each line is told here: added, there already, twice in the list, or why it cannot be read. Whole keys are not shown.
keys-import-by-line = Line by line
keys-import-add-n = { $n } added
keys-import-existing-n = { $n } there already
keys-import-duplicate-n = { $n } twice in this list
keys-import-skipped-n = { $n } blank or comments
keys-import-refused-n = { $n } not readable
keys-import-line = Line
keys-import-then = Then
keys-import-because = Because
keys-result-add = Add
keys-result-existing = Skip
keys-result-duplicate = Skip
keys-result-skipped = Skip
keys-result-refused = Cannot add
keys-import-existing = It is in the pool already.
keys-import-duplicate = Line { $line } has the same key.
keys-import-skipped = The line is blank or a comment.
keys-import-others =
    { $n ->
        [one] 1 more line is counted above and not shown.
       *[other] { $n } more lines are counted above and not shown.
    }
keys-import-submit =
    { $n ->
        [one] Add 1 key
       *[other] Add { $n } keys
    }
keys-import-verify-submit =
    { $n ->
        [one] Verify and add 1 key
       *[other] Verify and add { $n } keys
    }
keys-import-nothing = There is nothing here that could be added.
keys-import-blank = Paste at least one key, or pick a file.
keys-import-too-many = More than { $n } lines: import them in parts.
keys-refused-empty = There is no key.
keys-refused-too-long = It is longer than 512 characters, and no key is.
keys-refused-not-printable = It has a space or a character that no key can have.
keys-refused-three-fields = It has three fields. A label and a key are two, an account list has four or more.
keys-refused-missing = The object has no text in api_key, apiKey or key.
keys-refused-neither = It is neither a text nor an object.
keys-refused-fields = It has fields between ----, and one key stands alone here.
keys-refused-json = It is a piece of JSON, and a key is expected.
keys-refused-assignment = It looks like a cookie or an assignment, and a key is expected.
keys-refused-several = It looks like several values: a key has neither a comma nor a semicolon.
keys-refused-masked = Only the end of a key is there, as lists show it.

# What came of it
keys-enabled =
    { $n ->
        [one] Enabled 1 key.
       *[other] Enabled { $n } keys.
    }
keys-disabled =
    { $n ->
        [one] Disabled 1 key.
       *[other] Disabled { $n } keys.
    }
keys-edited =
    { $n ->
        [one] Changed 1 key.
       *[other] Changed { $n } keys.
    }
keys-deleted =
    { $n ->
        [one] Deleted 1 key.
       *[other] Deleted { $n } keys.
    }
keys-undone = It is as it was.
keys-gone = The key is not there any more.
keys-none-picked = Pick keys first.
keys-taken = Added. It takes its turn from now on.
keys-taken-accepted = The provider accepts the key. It takes its turn from now on.
keys-there-already = This key is in the pool already.
keys-imported =
    { $n ->
        [one] Added 1 key.
       *[other] Added { $n } keys.
    } { $others ->
        [0] All lines were new.
        [one] 1 line was left out.
       *[other] { $others } lines were left out.
    }
keys-verified-valid = The provider accepts { $key }.
keys-verified-limited = The provider accepts { $key }, which is at its limit now.
keys-verified-invalid = The provider does not accept { $key }.
keys-verified-unknown = The provider’s answer to { $key } has the status { $status }, which says nothing about the key.
keys-verified-silent = The provider did not answer, so nothing was found out about { $key }.
