"""Who may what: members ask for reports of their organisation, administrators schedule."""

from typing import Annotated

from fastapi import Depends, Path

from jobrunner.access.caller import Caller, Permission
from jobrunner.contrib.fastapi import KnownCaller
from jobrunner.errors import AccessDenied, NotFound
from reports.database import HasSession
from reports.tables import Member, Organization

OrganizationId = Annotated[int, Path(ge=1, le=2**31 - 1)]
"""As its column holds them."""


async def organization_of_caller(
    organization_id: OrganizationId, caller: KnownCaller, session: HasSession
) -> Organization:
    """That of the path. Raises NotFound for another's, as for one that is not there."""
    is_member = await session.get(Member, (organization_id, caller.subject)) is not None
    organization = await session.get(Organization, organization_id)
    if organization is None or not is_member:
        raise NotFound("There is no such organisation.")
    return organization


def administrator(caller: KnownCaller) -> Caller:
    """The caller. Raises AccessDenied for who is none."""
    if not caller.has(Permission.ADMINISTER):
        raise AccessDenied("This is for administrators.", is_known=True)
    return caller


OwnOrganization = Annotated[Organization, Depends(organization_of_caller)]
Administrator = Annotated[Caller, Depends(administrator)]
