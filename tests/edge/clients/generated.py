"""Does every operation of a client that was made from the agent's document, once and well.

`generated.py URL KEY WORKER_KEY` prints, for each operation that the client has, the type of its
answer. An operation that is not called here is missed by the test: add a call, and look at what
is special about its answer. Runs in the environment of published clients.
"""

import json
import pkgutil
import sys
from importlib import import_module

import agent_client.api
from agent_client import AuthenticatedClient, models
from agent_client.types import UNSET

LEASE = {"worker_id": "generated", "attempt": 1}


class Caller:
    """Calls operations by their names. `done`: the type of each answer."""

    def __init__(self, url, key):
        self.client = AuthenticatedClient(base_url=url, token=key, timeout=60)
        self.done = {}

    def __call__(self, name, expected, *path, status=200, **given):
        """The answer, which is of that type; of `str`, if it is text."""
        answer = OPERATIONS[name].sync_detailed(*path, client=self.client, **given)
        assert answer.status_code == status, (name, answer.status_code, answer.content)
        assert type(answer.parsed) is expected, (name, type(answer.parsed), answer.content)
        if status == 200:
            self.done[name] = expected.__name__
        return answer.parsed


def operations():
    found = pkgutil.walk_packages(agent_client.api.__path__, f"{agent_client.api.__name__}.")
    named = {each.name.rpartition(".")[2]: each.name for each in found if not each.ispkg}
    return {name: import_module(module) for name, module in named.items()}


OPERATIONS = operations()


def isolate(call):
    assert call("front", str).startswith("FiberWise Edge Worker v")
    assert call("health", models.Healthy).status is models.HealthyStatus.HEALTHY
    assert call("openapi", models.OpenApi)["openapi"].startswith("3.1")
    assert call("register", models.Registered).worker_id.startswith("cf-")
    assert call("register_by_post", models.Registered).capabilities
    assert call("heartbeat", models.Alive).uptime_ms >= 0
    assert call("heartbeat_by_post", models.Alive).status is models.AliveStatus.ALIVE
    call("status", models.Healthy)
    told = call("metrics", models.Metrics)
    assert told.requests
    assert all(isinstance(each, models.RequestCount) for each in told.requests)
    assert isinstance(told.callbacks, models.CallbackDepth)
    told = call("analytics", models.Analysed, by="endpoint,hour").analytics
    assert isinstance(told, models.Analytics)
    assert all(isinstance(each, models.RequestGroup) for each in told.groups)


def workers(call):
    about = models.WorkerMetadata.from_dict({"version": "1"})
    own = models.Registration("generated-w", ["text-processing"], "rack-7", about)
    made = call("register_by_post", models.Registered, body=own)
    assert (made.worker_id, made.region, made.heartbeat_within) == ("generated-w", "rack-7", 15)
    beat = call("heartbeat_by_post", models.Alive, body=models.Registration("generated-w"))
    assert (beat.worker_id, beat.lost_after) == ("generated-w", 45)
    unknown = models.Registration("generated-nobody")
    assert call("heartbeat_by_post", models.Error, body=unknown, status=404).error
    listed = call("workers", models.Workers, state=models.WorkerState.ALIVE).workers
    (worker,) = (each for each in listed if each.worker_id == "generated-w")
    assert (type(worker), worker.metadata["version"]) == (models.Worker, "1")
    scale = call("scale", models.Scale, capability="text-processing,none")
    assert type(scale.capabilities["none"]) is models.Load
    assert scale.jobs == scale.waiting + scale.leased


def jobs(call):
    """Each form of a job, and what its result is."""
    statistics = models.StatisticsInput(text="One two. Three!")
    job = models.TextJob(models.TextJobCapability.TEXT_PROCESSING, statistics, job_id="g-1")
    made = call("execute", models.TextCompleted, body=job)
    assert (made.job_id, type(made.result), made.result.words) == ("g-1", models.TextStatistics, 3)
    prompt = models.PromptInput("Hello", seed=1, max_tokens=10)
    job = models.CompletionJob(models.CompletionJobCapability.AI_COMPLETION, prompt)
    made = call("execute", models.CompletionCompleted, body=job)
    assert (type(made.result), made.result.stand_in) == (models.CompletionResult, True)
    given = models.StatementInput("SELECT ? AS a, ? AS b", params=[2, models.Bytes("AAH/")])
    job = models.DatabaseJob(models.DatabaseJobCapability.DATABASE, given)
    made = call("execute", models.DatabaseCompleted, body=job)
    assert made.result.rows == [[2, {"base64": "AAH/"}]]
    text = models.EmbeddingsInput(["a", "b"], pooling=models.EmbeddingsInputPooling.CLS)
    job = models.EmbeddingsJob(models.EmbeddingsJobCapability.AI_EMBEDDINGS, text)
    assert len(call("execute", models.EmbeddingsCompleted, body=job).result.data) == 2
    code = models.PythonInput(
        "print(1)\nresult = context", models.PythonContext.from_dict({"a": 1})
    )
    job = models.PythonJob(models.PythonJobCapability.PYTHON_EXECUTION, code)
    made = call("execute", models.PythonCompleted, body=job)
    assert (made.result, made.stdout) == ({"a": 1}, "1\n")
    shapes(call)


def shapes(call):
    """Jobs without the name of a capability."""
    code = models.PythonRequest("result = 4")
    assert call("execute", models.PythonAnswer, body=code).result == 4
    code = models.PythonJobRequest("g-2", "result = 4")
    assert call("execute", models.PythonCompleted, body=code).result["type"] == "number"
    query = models.DatabaseRequest("SELECT ? AS a", params=[2])
    assert call("execute", models.DatabaseAnswer, body=query).data[0]["a"] == 2
    prompt = models.CompletionRequest("Hello", seed=1)
    assert call("execute", models.CompletionAnswer, body=prompt).text
    text = models.EmbeddingsRequest("a")
    assert len(call("execute", models.EmbeddingsAnswer, body=text).embeddings) == 1024
    run = models.ActivationRun("generated-run", models.PythonData("result = 4"))
    assert call("execute", models.PythonCompleted, body=run).job_id == "generated-run"


def refusals(call, url):
    """Of the agent, and of the router, which has its own form."""
    url_of = models.ScrapingInput("http://127.0.0.1/")
    job = models.ScrapingJob(models.ScrapingJobCapability.WEB_SCRAPING, url_of)
    told = call("execute", models.JobFailed, body=job, status=422)
    assert told.status is models.JobFailedStatus.FAILED
    assert "generated-none" in call("show", models.Error, "generated-none", status=404).error
    nobody = Caller(url, "no-key-of-anybody")
    assert nobody("register", models.Problem, status=401).code


def activations(call):
    dispatch = models.Dispatch.POLL
    data = models.ActivationData(
        "text-processing", models.JobInput.from_dict({"text": "a"}), dispatch
    )
    sent = models.Submission("generated-1", data, priority=2)
    made = call("submit", models.Activation, body=sent)
    assert (made.status, made.dispatch, made.error) == (models.State.WAITING, dispatch, UNSET)
    assert made.submitted_at.tzinfo is not None
    listed = call("list_", models.Activations, state=models.State.WAITING)
    assert "generated-1" in [each.activation_id for each in listed.activations]
    shown = call("show", models.Activation, "generated-1")
    assert [type(step) for step in shown.log] == [models.Step]
    assert call("cancel", models.Activation, "generated-1").status is models.State.CANCELLED
    call("cancel_by_delete", models.Activation, "generated-1")
    again = call(
        "submit", models.Conflict, body=models.Submission("generated-1", other()), status=409
    )
    assert again.state is models.State.CANCELLED


def other():
    return models.ActivationData("other", dispatch=models.Dispatch.POLL)


def leases(call):
    for number in range(3):
        data = models.ActivationData("text-processing", dispatch=models.Dispatch.POLL)
        data.input_ = models.JobInput.from_dict({"text": "a"})
        call("submit", models.Activation, body=models.Submission(f"generated-lease-{number}", data))
    asked = models.Poll(worker_id="generated", capabilities=["text-processing"], limit=2)
    polled = call("poll", models.Polled, body=asked).jobs
    polled += call("poll_by_get", models.Polled, worker_id="generated").jobs
    assert {type(each) for each in polled} == {models.LeasedJob}
    first, second, third = (each.job_id for each in polled)
    made = call("execute", models.TextCompleted, body=models.Lease(first, **LEASE))
    assert made.job_id == first
    longer = models.Extension(**LEASE, lease=90)
    assert call("extend", models.Told, second, body=longer).status is models.State.LEASED
    done = models.Completion(**LEASE, result={"any": "value"}, stdout="a")
    assert call("complete", models.Told, second, body=done).status is models.State.COMPLETED
    assert call("show", models.Activation, second).result == {"any": "value"}
    lost = models.Failure(**LEASE, error="broken", retry=False)
    assert call("fail", models.Told, third, body=lost).status is models.State.FAILED
    more = models.Attempts(2)
    assert call("retry", models.Activation, third, body=more).status is models.State.WAITING
    call("cancel", models.Activation, third)


def agents(call):
    settings = models.CompletionSettings(system_prompt="Be kind", max_tokens=20)
    capability = models.CompletionAgentCapability.AI_COMPLETION
    chat = models.CompletionAgent(capability, settings)
    made = call("put_agent", models.PutAgent, "generated", body=chat)
    assert (made.version, made.is_new_version) == (1, True)
    shown = call("show_agent", models.Agent, "generated", version=1)
    assert shown.settings["system_prompt"] == "Be kind"
    listed = call("list_agents", models.Agents, limit=100)
    assert "generated" in [each.id for each in listed.agents]
    row = models.CoreActivation("generated", input_data=models.AnyObject.from_dict({"prompt": "a"}))
    row["notes"] = "a column"
    sent = models.Submission("generated-row", row, callback_url="http://127.0.0.1:9/")
    made = call("submit", models.Activation, body=sent)
    assert (made.agent_id, made.agent_version) == ("generated", 1)
    assert isinstance(made.callback, models.NoCallback)
    given = models.AnyObject.from_dict({"prompt": "Hello"})
    made = call(
        "activate", models.AgentActivation, "app-1", "generated", body=models.Activate(given)
    )
    assert made.status is models.CoreStatus.QUEUED
    told = call("show_activation", models.AgentActivation, "app-1", made.activation_id)
    assert told.metadata["app_id"] == "app-1"
    call("delete_agent", models.DeletedAgent, "generated")
    code = models.PythonAgent("def run_agent(input_data): pass")
    assert call("put_agent", models.PutAgent, "generated", body=code).version == 3


def main(url, key, worker_key):
    call = Caller(url, key)
    for part in (isolate, workers, jobs, activations, leases, agents):
        part(call)
    refusals(call, url)
    missing = sorted(OPERATIONS.keys() - call.done.keys())
    assert not missing, (
        f"no call of {', '.join(missing)}: add one to tests/edge/clients/generated.py"
    )
    print(json.dumps(call.done))


if __name__ == "__main__":
    main(*sys.argv[1:])
