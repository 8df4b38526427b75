// Functions of Node that are asked: what each gives back is in its name.

let counter = -1;

export const echo = async (event) => {
  console.log(JSON.stringify(event));
  return event;
};

export const nothing = async (event) => {
  console.log(JSON.stringify(event));
};

export const counts = async () => {
  counter += 1;
  return { counter };
};

export const request = async (event) => ({ statusCode: 200, body: JSON.stringify({ event }) });

export const context = async (event, context) => ({ context });

export const streams = awslambda.streamifyResponse(async (event, stream) => {
  stream.write("Hello, ");
  stream.write("world!");
  stream.end();
});
