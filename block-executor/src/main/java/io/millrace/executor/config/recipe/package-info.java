/** What files of options say, before anyone knows which options there are: in JSON and in YAML. */
package io.millrace.executor.config.recipe;
