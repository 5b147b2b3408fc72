/** Models of true shapes with random weights, for measuring. */
package io.millrace.model.synthetic;
