"""The keys of Workers KV, shared by the edge and the commands that write to it."""

POLICY_KEY = "policy"  # routes.yaml, byte for byte
LAST_GOOD_KEY = "policy/last-good"  # the valid policy that was written last
ROLLOUTS_KEY = "policy/rollouts"  # what isolates need of rollouts without the Coordinator
COMPILED_PREFIX = "policy/compiled/"  # + digest: the tables that requests are decided on
HISTORY_PREFIX = "policy/history/"  # + time-digest: every policy that was pushed
