// What a function of Node tells of itself, gives back, or fails with, as its event asks.
exports.handler = async (event, context) => {
  if (event && "error_msg" in Object(event)) throw new Error(`Error: ${event.error_msg}`);
  if (event && "variable" in Object(event)) return process.env[event.variable];
  if (!event || !("simple" in Object(event))) return event;
  const told = {
    function_name: context.functionName,
    function_version: context.functionVersion,
    invoked_function_arn: context.invokedFunctionArn,
    aws_request_id: context.awsRequestId,
    log_group_name: context.logGroupName,
    log_stream_name: context.logStreamName,
    remaining_time_in_millis: context.getRemainingTimeInMillis(),
  };
  return { ctx: told, environment: process.env, packages: [] };
};
