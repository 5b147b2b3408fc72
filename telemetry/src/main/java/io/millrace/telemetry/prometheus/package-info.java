/**
 * A run's figures for Prometheus, over HTTP on this machine alone. The only package that knows the
 * Prometheus client library. The step thread writes the figures, the server's threads read them.
 */
package io.millrace.telemetry.prometheus;
