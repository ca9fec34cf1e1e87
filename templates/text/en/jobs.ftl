jobs-title = Jobs
jobs-sub = Long work; what is over is kept for { $kept }
jobs-job = Job
jobs-state = State
jobs-progress = Progress
jobs-result = Result
jobs-made = Asked for
jobs-took = Took
jobs-menu = Actions for the job “{ $name }”
jobs-show = Show
jobs-cancel = Stop…
jobs-delete = Delete…
jobs-left = about { $span } left
jobs-any-provider = Several providers
jobs-empty-title = No jobs yet
jobs-empty = Imports, checks and changes of many keys are done as jobs. They go on when you close the page.
jobs-to-keys = To the keys

# One job
jobs-failed = The job failed: the server could not go on with it. Its log says how. What was done stays.
jobs-goes-on = Goes on if you close this page.
jobs-facts = Facts
jobs-provider = Provider
jobs-how = How
jobs-by-chat = By a chat with each key
jobs-by-identity = Without a chat, by asking whose key it is or for the models
jobs-adds-unknown = Keys that could not be found out are added, too.
jobs-until = Until
jobs-until-enabled = Enabled by hand
jobs-label = Label
jobs-expiry = Expires
jobs-never = Never
jobs-by = By
jobs-by-admin = Admin
jobs-by-system = The server
jobs-items = Items
jobs-by-result = By result
jobs-all = All
jobs-number = No.
jobs-key = Key
jobs-the-key = The key
jobs-line = Line { $n }
jobs-detail = Why
jobs-quote = “{ $text }”
jobs-no-items-title = Nothing here
jobs-no-items = No item came to this result.
jobs-no-keys = The job is about no key at all.
jobs-file = Download as CSV
jobs-again =
    { $n ->
        [one] Do it again with this key
       *[other] Do it again with these { $n } keys
    }
jobs-begun =
    { $n ->
        [one] The job with 1 key has begun.
       *[other] The job with { $n } keys has begun.
    }

# Why a line of an import is no key of its own
jobs-line-duplicate = The same key is in line { $n }
jobs-line-empty = There is nothing in it
jobs-line-comment = It is a comment
jobs-line-too-long = It is longer than a key can be
jobs-line-not-printable = A key has neither spaces nor such characters
jobs-line-three-fields = It has three fields: “label----key” has two, a line of an account list four or more
jobs-line-missing = It has no text in “api_key”, “apiKey” or “key”
jobs-line-not-supported = It is no key, but looks like something else

# Ending one
jobs-over = This job is over already.
jobs-not-over = This job is not over. Stop it first.
jobs-no-again = There is nothing to do again here.
jobs-canceled = The job was stopped. What was done stays.
jobs-deleted = The job was deleted.
jobs-cancel-ask = Stop this job?
jobs-cancel-submit = Stop the job
jobs-cancel-keep = Let it go on
jobs-cancel-text = { $done } of its items are done, and that stays. { $left } are left as they are.
jobs-cancel-import = Keys that were not looked at yet are not kept: they have to be imported again.
jobs-delete-ask = Delete this job?
jobs-delete-submit = Delete the job
jobs-delete-keep = Keep it
jobs-delete-text =
    { $n ->
        [one] What it says of its item is gone then.
       *[other] What it says of its { $n } items is gone then.
    }
jobs-delete-stays = What it did to the keys stays.
