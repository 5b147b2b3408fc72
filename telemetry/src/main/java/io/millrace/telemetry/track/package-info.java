/**
 * Passes a run's figures on while it goes on: to a table, to TensorBoard, to MLflow. A tracker is a
 * class and a line in {@link io.millrace.telemetry.track.Trackers}. What one of them cannot do is
 * said once and never stops the run.
 */
package io.millrace.telemetry.track;
