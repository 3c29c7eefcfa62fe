SwaggerUIBundle({
  url: "/v1/openapi.json",
  dom_id: "#document",
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
  deepLinking: true,
  filter: true,
  validatorUrl: null,
});
