// A module of the newer kind: what it waits for at its top is there before the first event.

const found = await new Promise((resolve) => setTimeout(resolve, 10, "waited for"));

export const handler = async (event) => [found, event, import.meta.url];
export default async (event) => ["default", event];
