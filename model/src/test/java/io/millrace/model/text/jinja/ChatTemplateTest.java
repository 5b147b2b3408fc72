package io.millrace.model.text.jinja;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every construct renders as jinja2 renders it with the settings of transformers. */
class ChatTemplateTest {
    private static final LocalDateTime NOW = LocalDateTime.of(2026, 9, 7, 8, 5, 9);

    @TestFactory
    Stream<DynamicTest> rendersAsPythonDoes() throws IOException, URISyntaxException {
        Path file = Path.of(ChatTemplateTest.class.getResource("snippets.json").toURI());
        JsonObject golden = Json.parseObject(Files.readString(file));
        Map<String, Object> variables = golden.object("variables").fields();
        List<?> cases = golden.array("cases");
        assertThat(cases).hasSizeGreaterThan(45);
        return cases.stream()
                .map(one -> JsonObject.of((Map<?, ?>) one))
                .map(one -> dynamicTest(one.string("template"), () -> check(one, variables)));
    }

    private static void check(JsonObject one, Map<String, Object> variables) {
        if (one.has("fails")) {
            assertThatExceptionOfType(TemplateException.class)
                    .isThrownBy(() -> render(one.string("template"), variables));
            return;
        }
        ChatTemplate.Rendered rendered = render(one.string("template"), variables);
        assertThat(rendered.text()).isEqualTo(one.string("text"));
        List<List<Long>> spans =
                rendered.generated().stream()
                        .map(span -> List.of((long) span.start(), (long) span.end()))
                        .toList();
        assertThat((Object) spans).isEqualTo(one.array("spans"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{{ x",
                "{% if x %}",
                "{% endif %}",
                "{% for x in %}{% endfor %}",
                "{% include 'a' %}",
                "{% import 'a' as b %}",
                "{% extends 'a' %}",
                "{% block a %}{% endblock %}",
                "{% do x %}",
                "{% for x in y recursive %}{% endfor %}",
                "{{ x|nofilter }}",
                "{{ x is notest }}",
                "{{ 'a'.format(1) }}",
                "{{ (1 }}",
                "{{ 1 ] }}",
                "{{ @ }}",
                "{# never ends",
                "{% raw %} never ends",
                "{% break %}",
                "{% set x.y = 1 %}",
                "{{ 99999999999999999999 }}",
                "{{ f(a=1, 2) }}",
                "{% macro f(a=1, b) %}{% endmacro %}",
                "{{ 'a' * 100000000 }}",
                "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
                "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
                "{% set ns = namespace(t='ab') %}{% for a in range(99) %}{% set ns.t = ns.t + ns.t %}"
                        + "{% endfor %}"
            })
    void refusesWhatItDoesNotKnowInALine(String template) {
        assertThatExceptionOfType(TemplateException.class)
                .isThrownBy(() -> render(template, Map.of()))
                .withMessageNotContaining("\n");
    }

    @Test
    void refusesExpressionsTooDeepForTheStack() {
        for (String open : List.of("(", "[", "not ", "-", "{1:", "1 if 1 else ", "f(")) {
            assertThatExceptionOfType(TemplateException.class)
                    .isThrownBy(() -> ChatTemplate.parse("{{ " + open.repeat(20_000) + " }}"));
        }
        assertThatExceptionOfType(TemplateException.class)
                .isThrownBy(() -> render("{{ 1" + "|string".repeat(20_000) + " }}", Map.of()));
        assertThatExceptionOfType(TemplateException.class)
                .isThrownBy(() -> ChatTemplate.parse("{% if x %}".repeat(20_000)));
        assertThatExceptionOfType(TemplateException.class)
                .isThrownBy(() -> ChatTemplate.parse("{% if x %}" + "{% elif x %}".repeat(20_000)));
    }

    /** Whatever is cut out of a template, or put elsewhere, no other error comes of it. */
    @Test
    void anythingElseIsRefusedOrRendered() {
        String base =
                "{% for m in l if m %}{{ loop.index ~ m['a'] | tojson(indent=2) }}{% else %}"
                        + "{%- set ns = namespace(a=[1, -2.5e3]) -%}{{ ns.a[1:] is not none }}"
                        + "{% macro f(x, y='z') %}{{ x.strip() + y }}{% endmacro %}{{ f('q') }}"
                        + "{% endfor %}{# c #}{% generation %}a{% endgeneration %}";
        long seed = Long.getLong("test.seed", System.nanoTime());
        Random random = new Random(seed);
        for (int i = 0; i < 1000; i++) {
            StringBuilder text = new StringBuilder(base);
            for (int cuts = random.nextInt(1, 4); cuts > 0; cuts--) {
                int from = random.nextInt(text.length());
                String cut = text.substring(from, Math.min(text.length(), from + 12));
                text.delete(from, from + random.nextInt(1, 12));
                text.insert(random.nextInt(text.length() + 1), random.nextBoolean() ? cut : "");
            }
            try {
                render(text.toString(), Map.of("l", List.of(1L, "a", Map.of("a", "b"))));
            } catch (TemplateException e) {
                assertThat(e.getMessage()).isNotBlank();
            } catch (RuntimeException e) {
                throw new AssertionError("seed " + seed + ": " + text, e);
            }
        }
    }

    private static ChatTemplate.Rendered render(String template, Map<String, Object> variables) {
        return ChatTemplate.parse(template).render(variables, NOW);
    }
}
