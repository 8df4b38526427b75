// A module of ECMAScript: it answers with what it was asked.
export const handler = async (event) => ({ statusCode: 200, body: JSON.stringify(`told: ${JSON.stringify(event)}`) });
