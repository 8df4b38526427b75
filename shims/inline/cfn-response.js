// Answers CloudFormation for a function whose code stands in the template: the module that AWS lays beside it.
// Source: AWS CloudFormation user guide, `cfn-response module`, `Custom resource response objects`.
"use strict";

exports.SUCCESS = "SUCCESS";
exports.FAILED = "FAILED";

// Puts the answer where the event says, then ends the invocation. What goes wrong is printed, as on Lambda. The
// promise is one for callers that wait.
exports.send = function (event, context, responseStatus, responseData, physicalResourceId, noEcho) {
  const body = JSON.stringify({
    Status: responseStatus,
    Reason: `See the details in CloudWatch Log Stream: ${context.logStreamName}`,
    PhysicalResourceId: physicalResourceId || context.logStreamName,
    StackId: event.StackId,
    RequestId: event.RequestId,
    LogicalResourceId: event.LogicalResourceId,
    NoEcho: noEcho || false,
    Data: responseData,
  });
  console.log("Response body:\n", body);
  const { request } = require(event.ResponseURL.startsWith("http:") ? "node:http" : "node:https");
  // Why no type: the address is signed for a request that has none.
  const headers = { "content-type": "", "content-length": Buffer.byteLength(body) };
  return new Promise((resolve) => {
    const over = (said) => {
      console.log(said);
      if (context.done) context.done();
      resolve();
    };
    const asked = request(event.ResponseURL, { method: "PUT", headers }, (told) => {
      told.resume();
      over(`Status code: ${told.statusCode}`);
    });
    asked.on("error", (error) => over(`send(..) failed executing the request: ${error.message}`));
    asked.end(body);
  });
};
