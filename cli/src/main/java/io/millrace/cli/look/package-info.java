/** Commands that look at a model before it is tuned: directions, elements and layers. */
package io.millrace.cli.look;
