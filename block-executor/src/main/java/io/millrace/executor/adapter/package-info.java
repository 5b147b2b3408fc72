/** What may be trained beside a model, each kind by the name that {@code --tune} takes. */
package io.millrace.executor.adapter;
