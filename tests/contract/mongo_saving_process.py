"""A process that goes on with the story that the database tells, and reports each save it made.

Run as `python mongo_saving_process.py URL DATABASE FENCE`; prints the number of every save that was
acknowledged, without end. It is killed by the test.
"""

import asyncio
import sys

from contract_samples import VENUE
from mongo_story import Story

from cloud_marketdata.storage.mongo import MongoPlan, open_mongo


async def main(url: str, database: str, fence: int) -> None:
    """Save until killed."""
    async with open_mongo(MongoPlan(url, database, 5.0)) as warm:
        aggregates = warm.part.aggregates
        story = Story(await aggregates.position(VENUE, "BTCUSDT"))
        while True:
            await aggregates.save(*story.next(), fence=fence)
            sys.stdout.write(f"{story.number}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
