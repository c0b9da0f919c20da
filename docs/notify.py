"""Tell a chat or a pager of every run that failed, crashed, or left documents behind. Run once per Prefect server.

    python docs/notify.py https://hooks.slack.com/services/...

Any address that takes a POST of {"text": ...} will do. It is kept in a Prefect block among its secrets; another call with
another address replaces it.
"""

from __future__ import annotations

import sys

from prefect.automations import Automation
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.events.actions import SendNotification
from prefect.events.schemas.automations import EventTrigger, Posture

NAME = "parquetry-messages"
STATES = ("Failed", "Crashed", "CompletedWithFailures")  # of a flow run, as the UI names them
BODY = "{{ flow_run.name }}: {{ flow_run.state.name }}. {{ flow_run.state.message }} {{ flow_run | ui_url or '' }}"


def main(address: str) -> None:
    """Make, or bring up to date, the block and the automation that uses it."""
    block = CustomWebhookNotificationBlock(
        name=NAME,
        url="{{address}}",
        json_data={"text": "{{subject}}: {{body}}"},
        secrets={"address": address},
    )
    block_id = block.save(NAME, overwrite=True)
    wanted = Automation(
        name=NAME,
        description="A message for every run that failed, crashed, or left documents behind.",
        trigger=EventTrigger(
            expect={f"prefect.flow-run.{state}" for state in STATES},
            match={"prefect.resource.id": "prefect.flow-run.*"},
            match_related={"prefect.resource.role": "flow", "prefect.resource.name": "parquetry"},
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[SendNotification(block_document_id=block_id, subject="Parquetry", body=BODY)],
    )
    try:
        wanted.id = Automation.read(name=NAME).id
    except ValueError:
        wanted.create()
    else:
        wanted.update()
    print(f"Runs that end as {', '.join(STATES)} are told to {address.split('?')[0].rsplit('/', 1)[0]}/…")


if __name__ == "__main__":
    main(sys.argv[1])
