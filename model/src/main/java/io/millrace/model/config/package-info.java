/** {@code config.json} and its kin, checked before use. */
package io.millrace.model.config;
