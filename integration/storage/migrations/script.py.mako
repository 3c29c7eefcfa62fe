"""${message}."""

import sqlalchemy as sa
from alembic import op

% if down_revision is None:
from integration.storage.migrations import triggers

% endif
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
% if down_revision is None:
    triggers.create(op.get_bind())
% endif


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
