/* The map's own program. ES2017 at most; data reaches the page only as text, never as markup. */
(function () {
  "use strict";

  var data = JSON.parse(document.getElementById("study-data").textContent);
  var map = window.map_study;
  var text = data.text;
  var colours = data.colours;
  var R = { persons: 0, uncovered: 1, share: 2, cls: 3, short: 4, cause: 5, p50: 6, p90: 7, unit: 8, count: 9, near: 10 };
  var CLASS = {};
  data.classes.forEach(function (entry, number) { CLASS[entry.key] = number; });
  var SVG = "http://www.w3.org/2000/svg";
  var MAX_FOUND = 12;
  var state = { criterion: 0, tab: "gaps", chosen: null, opener: null };

  /* ---------- small tools ---------- */

  function byId(id) { return document.getElementById(id); }

  function el(tag, name, content) {
    var node = document.createElement(tag);
    if (name) { node.className = name; }
    if (content !== undefined && content !== null) { node.textContent = content; }
    return node;
  }

  function add(parent) {
    for (var i = 1; i < arguments.length; i += 1) { if (arguments[i]) { parent.appendChild(arguments[i]); } }
    return parent;
  }

  function clear(node) { while (node.firstChild) { node.removeChild(node.firstChild); } return node; }

  function svg(tag, attributes) {
    var node = document.createElementNS(SVG, tag);
    Object.keys(attributes).forEach(function (key) { node.setAttribute(key, attributes[key]); });
    return node;
  }

  function fill(template, values) {
    return template.replace(/\{(\w+)\}/g, function (whole, key) { return key in values ? String(values[key]) : whole; });
  }

  function grouped(whole) { return String(whole).replace(/\B(?=(\d{3})+(?!\d))/g, ","); }

  function people(n) { return n > 0 && n < 0.5 ? "<1" : grouped(Math.round(n)); }

  function percent(share) {
    if (share === null || share === undefined) { return "—"; }
    if (share > 0 && share < 0.001) { return "<0.1%"; }
    if (share < 1 && share > 0.999) { return ">99.9%"; }
    return share > 0 && share < 1 ? (share * 100).toFixed(1) + "%" : (share * 100).toFixed(0) + "%";
  }

  function short(n, digits) { return String(Number(n.toFixed(digits))); }

  function plain(words) {
    return words.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase().replace(/\s+/g, " ").trim();
  }

  function criterion() { return data.criteria[state.criterion]; }

  function row(unit) { var c = criterion(); return c ? c.rows[unit] : null; }

  function miniBar(share) {
    var bar = el("span", "mini");
    var inner = el("i");
    inner.style.width = Math.max(0, Math.min(1, share || 0)) * 100 + "%";
    return add(bar, inner);
  }

  /* ---------- geometry: whole-number steps back to degrees ---------- */

  function ring(steps, scale) {
    var points = [], x = 0, y = 0;
    for (var i = 0; i < steps.length; i += 2) {
      x += steps[i];
      y += steps[i + 1];
      points.push([y / scale, x / scale]);
    }
    return points;
  }

  function shape(polygons) {
    return polygons.map(function (rings) { return rings.map(function (steps) { return ring(steps, 1e6); }); });
  }

  function paths(lines) { return lines.map(function (steps) { return ring(steps, 1e5); }); }

  /* ---------- layers ---------- */

  function pane(name, order, touch) {
    var node = map.createPane(name);
    node.style.zIndex = order;
    node.style.pointerEvents = touch ? "auto" : "none";
    return name;
  }

  pane("units", 405, true);
  pane("water", 410);
  pane("area", 415);
  pane("roads", 420);
  pane("barriers", 425);
  pane("outline", 430);
  pane("others", 440);
  pane("counted", 445);
  pane("sites", 610);
  pane("names", 460);
  map.getPane("sites").style.pointerEvents = "none";
  map.getPane("others").style.pointerEvents = "none";
  map.getPane("counted").style.pointerEvents = "none";
  map.getPane("units").style.pointerEvents = "none";

  var svgOf = {
    units: L.svg({ pane: "units", padding: 0.5 }),
    area: L.svg({ pane: "area", padding: 0.5 }),
    outline: L.svg({ pane: "outline", padding: 0.5 }),
    others: L.svg({ pane: "others", padding: 0.5 }),
    counted: L.svg({ pane: "counted", padding: 0.5 })
  };
  var canvasOf = { water: L.canvas({ pane: "water", padding: 0.5 }), roads: L.canvas({ pane: "roads", padding: 0.5 }), barriers: L.canvas({ pane: "barriers", padding: 0.5 }) };
  var groups = {
    units: L.layerGroup(), area: L.layerGroup(), roads: L.layerGroup(), barriers: L.layerGroup(), outline: L.layerGroup(),
    others: L.layerGroup(), facilities: L.layerGroup(), sites: L.layerGroup()
  };
  var shown = { units: true, borders: true, area: true, facilities: true, others: true, sites: true, roads: true, barriers: true, labels: true };
  var unitLayers = [];
  var largest = 1;

  function lineLayer(lines, options) {
    return L.polyline(paths(lines), Object.assign({ interactive: false, smoothFactor: 1.2 }, options));
  }

  function drawBasemap() {
    if (data.water.length) {
      L.polygon(shape(data.water), { renderer: canvasOf.water, pane: "water", interactive: false, stroke: true, color: colours.river, weight: 0.8, fillColor: colours.water, fillOpacity: 1 }).addTo(groups.barriers);
    }
    [["minor", colours.road_minor, 0.9, 0.75], ["middle", colours.road_middle, 1.5, 0.9], ["major", colours.road_major, 2.4, 1]].forEach(function (kind) {
      if (data.roads[kind[0]].length) {
        groups.roads.addLayer(lineLayer(data.roads[kind[0]], { renderer: canvasOf.roads, pane: "roads", color: kind[1], weight: kind[2], opacity: kind[3] }));
      }
    });
    var styles = {
      coastline: [[colours.water, 6, null], [colours.coastline, 1.4, null]],
      river: [["#ffffff", 4.2, null], [colours.river, 2.8, null]],
      wall: [[colours.wall, 1.6, "1 4"]],
      given: [[colours.given, 1.6, "6 4"]],
      motorway: [["#ffffff", 5, null], [colours.motorway, 3.4, null], ["#ffffff", 0.9, null]],
      railway: [[colours.railway, 3.2, null], ["#ffffff", 1.6, "7 7"]]
    };
    Object.keys(styles).forEach(function (kind) {
      if (!data.barriers[kind].length) { return; }
      styles[kind].forEach(function (style) {
        groups.barriers.addLayer(lineLayer(data.barriers[kind], { renderer: canvasOf.barriers, pane: "barriers", color: style[0], weight: style[1], dashArray: style[2], lineCap: "butt" }));
      });
    });
  }

  function tip(title, more) { return add(el("div"), el("b", null, title), more ? el("span", null, more) : null); }

  function radius(persons) { return 4 + 14 * Math.sqrt(Math.max(0, persons || 0) / largest); }

  function drawUnits() {
    data.criteria.forEach(function (c) { c.rows.forEach(function (r) { if (r && r[R.persons] > largest) { largest = r[R.persons]; } }); });
    data.units.forEach(function (unit, number) {
      var options = { renderer: svgOf.units, pane: "units", weight: 1, color: "#ffffff", bubblingMouseEvents: false };
      var layer = unit.shape.length ? L.polygon(shape(unit.shape), options) : L.circleMarker([unit.y, unit.x], options);
      layer.bindTooltip(function () {
        var r = row(number);
        return tip(unit.name || unit.id, r && r[R.share] !== null ? text.unit_share + " " + percent(r[R.share]) : data.classes[classOf(number)].name);
      }, { sticky: true, direction: "top", offset: [0, -6] });
      layer.on("click", function () { openUnit(number, false); });
      unitLayers.push(layer);
      groups.units.addLayer(layer);
    });
  }

  function classOf(number) {
    var c = criterion();
    if (!c || c.state === "no data") { return CLASS.no_data; }
    var r = c.rows[number];
    return r ? r[R.cls] : CLASS.not_applicable;
  }

  function paint(entry) { return entry.pattern === "solid" ? entry.colour : "url(#fill-" + entry.key + ")"; }

  function colourUnits() {
    clearGroup(groups.outline);
    unitLayers.forEach(function (layer, number) {
      var r = row(number);
      var entry = data.classes[classOf(number)];
      layer.setStyle({ fillColor: shown.units ? paint(entry) : colours.land, fillOpacity: shown.units ? 0.92 : 0.4, stroke: shown.borders, color: colours.border, weight: 0.8, opacity: 0.9 });
      if (layer.setRadius) { layer.setRadius(radius(r ? r[R.persons] : 0)); }
      if (r && r[R.short]) { outline(number, "#ffffff", 4.4, 0.9); outline(number, colours.short, 2, 1); }
    });
    if (state.chosen !== null) { markChosen(state.chosen); }
  }

  function outline(number, colour, weight, opacity) {
    var unit = data.units[number];
    var options = { renderer: svgOf.outline, pane: "outline", interactive: false, fill: false, color: colour, weight: weight, opacity: opacity, lineJoin: "round" };
    var r = row(number);
    var layer = unit.shape.length ? L.polygon(unitLayers[number].getLatLngs(), options)
      : L.circleMarker([unit.y, unit.x], Object.assign(options, { radius: radius(r ? r[R.persons] : 0) }));
    groups.outline.addLayer(layer);
    return layer;
  }

  var chosenMarks = [];
  function markChosen(number) {
    chosenMarks.forEach(function (layer) { groups.outline.removeLayer(layer); });
    chosenMarks = number === null ? [] : [outline(number, "#10202c", 7, 1), outline(number, colours.selected, 4, 1)];
  }

  function clearGroup(group) { group.clearLayers(); }

  function drawArea() {
    clearGroup(groups.area);
    var c = criterion();
    if (!c || !c.area_shape.length) { return; }
    var shapes = shape(c.area_shape);
    groups.area.addLayer(L.polygon(shapes, { renderer: svgOf.area, pane: "area", interactive: false, color: "#ffffff", weight: 3.6, opacity: 0.75, fill: false }));
    groups.area.addLayer(L.polygon(shapes, { renderer: svgOf.area, pane: "area", interactive: false, color: colours.service_area, weight: 1.8, dashArray: "6 3", opacity: 1, fillColor: colours.service_area, fillOpacity: 0.09 }));
  }

  function drawFacilities() {
    clearGroup(groups.others);
    clearGroup(groups.facilities);
    var c = criterion();
    var counted = {};
    if (c) { c.counted.forEach(function (n) { counted[n] = true; }); }
    data.facilities.forEach(function (f, n) {
      var yes = counted[n] === true;
      var layer = L.circleMarker([f.y, f.x], yes
        ? { renderer: svgOf.counted, pane: "counted", radius: 6, color: "#ffffff", weight: 2, fillColor: colours.facility, fillOpacity: 1 }
        : { renderer: svgOf.others, pane: "others", radius: 3.4, color: colours.facility_other, weight: 1.6, fillColor: "#ffffff", fillOpacity: 1 });
      layer.bindTooltip(tip(f.name || f.id, f.type), { direction: "top", offset: [0, -6] });
      layer.on("click", function () { openFacility(n); });
      if (f.outline) {
        (yes ? groups.facilities : groups.others).addLayer(lineLayer(f.outline, {
          renderer: yes ? svgOf.counted : svgOf.others, pane: yes ? "counted" : "others", weight: 2, color: yes ? colours.facility : colours.facility_other
        }));
      }
      (yes ? groups.facilities : groups.others).addLayer(layer);
    });
  }

  function drawSites() {
    data.sites.forEach(function (site, n) {
      var pin = add(el("span"), el("b", null, site.order));
      var icon = L.divIcon({ className: "siteicon", html: pin, iconSize: [32, 38], iconAnchor: [16, 36] });
      var marker = L.marker([site.y, site.x], { icon: icon, pane: "sites", keyboard: false, alt: fill(text.site_title, { n: site.order }) });
      marker.bindTooltip(tip(site.order + ". " + site.name, fill(text.site_new, { n: people(site.new) })), { direction: "top", offset: [0, -34] });
      marker.on("click", function () { openSite(n); });
      groups.sites.addLayer(marker);
    });
  }

  function applyLayers() {
    [["area", "area"], ["roads", "roads"], ["barriers", "barriers"], ["facilities", "facilities"], ["others", "others"], ["sites", "sites"]].forEach(function (pair) {
      var on = shown[pair[0]];
      if (on && !map.hasLayer(groups[pair[1]])) { map.addLayer(groups[pair[1]]); }
      if (!on && map.hasLayer(groups[pair[1]])) { map.removeLayer(groups[pair[1]]); }
    });
    if (!map.hasLayer(groups.units)) { map.addLayer(groups.units); map.addLayer(groups.outline); }
    layoutNames();
  }

  /* ---------- place names: important ones first, none over another ---------- */

  var pen = document.createElement("canvas").getContext("2d");
  var widths = {};
  var SIZE = [20, 15, 13, 13, 13, 13, 13, 13, 13];

  function nameList() {
    var c = criterion();
    var list = [], seen = {};
    function put(name, lat, lon, rank, kind, room) { list.push({ name: name, lat: lat, lon: lon, rank: rank, kind: kind, room: room }); }
    if (state.chosen !== null) {
      var unit = data.units[state.chosen];
      seen[unit.name] = true;
      put(unit.name, unit.y, unit.x, 1, "chosen", 0);
    }
    data.places.forEach(function (p) { if (p[3] < 2) { put(p[0], p[2], p[1], p[3], "", 4); seen[p[0]] = true; } });
    if (c) {
      c.gaps.forEach(function (gap) {
        if (gap.unit === null || seen[gap.name]) { return; }
        var place = data.units[gap.unit];
        seen[gap.name] = true;
        put(gap.name, place.y, place.x, 3, "gap", 3);
      });
    }
    data.units.forEach(function (place) {
      if (seen[place.name] || !place.name || place.basis === "block") { return; }
      seen[place.name] = true;
      put(place.name, place.y, place.x, 5, "", 7);
    });
    data.places.forEach(function (p) { if (p[3] >= 2 && !seen[p[0]]) { put(p[0], p[2], p[1], p[3], "", 9); } });
    return list;
  }

  function widthOf(entry) {
    var size = entry.kind === "chosen" ? 15 : SIZE[entry.rank] || 13;
    var key = size + "|" + entry.name;
    if (!(key in widths)) {
      pen.font = "bold " + size + "px sans-serif";
      widths[key] = pen.measureText(entry.name).width * (entry.rank < 2 ? 1.13 : 1) + 4;
    }
    return [widths[key], size + 4];
  }

  function reserved() {
    var frame = map.getContainer().getBoundingClientRect();
    var boxes = ["legend", "tools", "card"].map(byId).filter(function (node) { return !node.hidden; }).map(function (node) {
      var box = node.getBoundingClientRect();
      return [box.left - frame.left, box.top - frame.top, box.right - frame.left, box.bottom - frame.top];
    });
    if (shown.sites) {
      data.sites.forEach(function (site) {
        var at = map.latLngToContainerPoint([site.y, site.x]);
        boxes.push([at.x - 18, at.y - 38, at.x + 18, at.y + 4]);
      });
    }
    return boxes;
  }

  function free(box, taken) {
    return taken.every(function (other) { return box[2] < other[0] || box[0] > other[2] || box[3] < other[1] || box[1] > other[3]; });
  }

  function layoutNames() {
    var parent = clear(map.getPane("names"));
    if (!shown.labels) { return; }
    var size = map.getSize(), taken = reserved(), count = 0;
    nameList().forEach(function (entry) {
      if (count > 160 || !entry.name) { return; }
      var at = map.latLngToContainerPoint([entry.lat, entry.lon]);
      if (at.x < 0 || at.y < 0 || at.x > size.x || at.y > size.y) { return; }
      var extent = widthOf(entry);
      var tries = entry.kind === "chosen" ? [0] : [0, -15, 15];
      for (var i = 0; i < tries.length; i += 1) {
        var y = at.y + tries[i];
        var box = [at.x - extent[0] / 2, y - extent[1] / 2, at.x + extent[0] / 2, y + extent[1] / 2];
        var roomy = [box[0] - entry.room, box[1] - entry.room, box[2] + entry.room, box[3] + entry.room];
        if (box[0] < 2 || box[2] > size.x - 2 || box[1] < 2 || box[3] > size.y - 2 || !free(roomy, taken)) { continue; }
        taken.push(box);
        count += 1;
        var label = el("span", "label r" + entry.rank + (entry.kind ? " " + entry.kind : ""), entry.name);
        var where = map.containerPointToLayerPoint([at.x, y]);
        label.style.left = Math.round(where.x) + "px";
        label.style.top = Math.round(where.y) + "px";
        parent.appendChild(label);
        return;
      }
    });
  }

  /* ---------- legend, layer list, tools ---------- */

  function swatch(draw) {
    var node = svg("svg", { width: 26, height: 16, viewBox: "0 0 26 16", "aria-hidden": "true" });
    draw(node);
    return node;
  }

  function box(entry) {
    return swatch(function (node) { node.appendChild(svg("rect", { x: 0.5, y: 0.5, width: 25, height: 15, fill: paint(entry), stroke: colours.border })); });
  }

  function stroke(list) {
    return swatch(function (node) {
      list.forEach(function (line) {
        var attributes = { x1: 0, y1: 8, x2: 26, y2: 8, stroke: line[0], "stroke-width": line[1] };
        if (line[2]) { attributes["stroke-dasharray"] = line[2]; }
        node.appendChild(svg("line", attributes));
      });
    });
  }

  function legendLine(mark, words, count) {
    return add(el("li"), mark, el("span", null, words), count === undefined ? null : el("span", "count", grouped(count)));
  }

  var legendOpen = true;

  function drawLegend() {
    var root = clear(byId("legend"));
    var button = el("button", null, text.legend);
    button.type = "button";
    button.setAttribute("aria-expanded", String(legendOpen));
    add(button, el("span", null, legendOpen ? "–" : "+"));
    button.addEventListener("click", function () { legendOpen = !legendOpen; drawLegend(); byId("legend").querySelector("button").focus(); layoutNames(); });
    root.appendChild(button);
    var body = el("div", "body");
    body.hidden = !legendOpen;
    add(root, body);
    var counts = data.classes.map(function () { return 0; });
    unitLayers.forEach(function (layer, number) { counts[classOf(number)] += 1; });
    var list = el("ul");
    data.classes.forEach(function (entry, number) {
      if (counts[number] || (number <= CLASS.from_95 && counts[CLASS.no_data] === 0)) { add(list, legendLine(box(entry), entry.name, counts[number])); }
    });
    add(body, el("h2", null, text.legend_share), list);
    add(body, legendMarks());
  }

  function legendMarks() {
    var list = el("ul");
    var c = criterion();
    var dot = function (size, inner, edge, width) {
      return swatch(function (node) { node.appendChild(svg("circle", { cx: 13, cy: 8, r: size, fill: inner, stroke: edge, "stroke-width": width })); });
    };
    if (c && c.short) { add(list, legendLine(swatch(function (node) { node.appendChild(svg("rect", { x: 2, y: 2, width: 22, height: 12, fill: "none", stroke: colours.short, "stroke-width": 2.2 })); }), text.legend_short)); }
    if (c && c.area_shape.length && shown.area) {
      add(list, legendLine(swatch(function (node) { node.appendChild(svg("rect", { x: 2, y: 2, width: 22, height: 12, rx: 5, fill: colours.service_area, "fill-opacity": 0.12, stroke: colours.service_area, "stroke-width": 1.6, "stroke-dasharray": "5 2.5" })); }), text.legend_area));
    }
    if (shown.facilities && c && c.counted.length) { add(list, legendLine(dot(5.5, colours.facility, "#ffffff", 1.5), text.legend_facility)); }
    if (shown.others && data.facilities.length) { add(list, legendLine(dot(3.4, "#ffffff", colours.facility_other, 1.6), text.legend_other)); }
    if (shown.sites && data.sites.length) { add(list, legendLine(sitePin(), text.legend_site)); }
    if (shown.roads && Object.keys(data.roads).some(function (k) { return data.roads[k].length; })) { add(list, legendLine(stroke([[colours.road_major, 2.4]]), text.legend_road)); }
    if (shown.barriers) { legendBarriers(list); }
    if (data.units.some(function (u) { return !u.shape.length; })) { add(list, legendLine(dot(6, "#ffffff", colours.border, 1), text.legend_people)); }
    return list;
  }

  function legendBarriers(list) {
    var has = function (kind) { return data.barriers[kind] && data.barriers[kind].length > 0; };
    if (has("river") || data.water.length) { add(list, legendLine(stroke([[colours.river, 3]]), text.legend_water)); }
    if (has("coastline")) { add(list, legendLine(stroke([[colours.water, 6], [colours.coastline, 1.6]]), text.legend_coast)); }
    if (has("railway")) { add(list, legendLine(stroke([[colours.railway, 3.2], ["#ffffff", 1.6, "5 5"]]), text.legend_railway)); }
    if (has("motorway")) { add(list, legendLine(stroke([[colours.motorway, 4.4], ["#ffffff", 1.1]]), text.legend_motorway)); }
    if (has("wall") || has("given")) { add(list, legendLine(stroke([[colours.wall, 1.6, "4 3"]]), text.legend_wall)); }
  }

  function sitePin() {
    return swatch(function (node) {
      node.appendChild(svg("circle", { cx: 13, cy: 8, r: 7.5, fill: colours.site }));
      var number = svg("text", { x: 13, y: 12, "text-anchor": "middle", "font-size": 11, "font-weight": 700, fill: "#ffffff" });
      number.textContent = "1";
      node.appendChild(number);
    });
  }

  function toolButton(sign, name, action) {
    var button = el("button", null, sign);
    button.type = "button";
    button.title = name;
    button.setAttribute("aria-label", name);
    button.addEventListener("click", action);
    return button;
  }

  function drawTools() {
    var root = byId("tools");
    var zoom = el("div", "group");
    var whole = toolButton("", text.zoom_all, wholeArea);
    var icon = svg("svg", { width: 18, height: 18, viewBox: "0 0 18 18", "aria-hidden": "true" });
    icon.appendChild(svg("path", { d: "M2 6V2h4M12 2h4v4M16 12v4h-4M6 16H2v-4", fill: "none", stroke: "currentColor", "stroke-width": 2 }));
    whole.appendChild(icon);
    add(zoom, toolButton("+", text.zoom_in, function () { map.zoomIn(1); }), toolButton("−", text.zoom_out, function () { map.zoomOut(1); }), whole);
    var layers = el("div", "group");
    var toggle = toolButton(text.layers, text.layers, function () { setLayersOpen(list.hidden); });
    toggle.className = "wide";
    toggle.id = "layers-button";
    toggle.setAttribute("aria-expanded", "false");
    toggle.setAttribute("aria-controls", "layers");
    var list = el("div", "list");
    list.id = "layers";
    list.hidden = true;
    [["units", text.layer_units], ["borders", text.layer_borders], ["area", text.layer_area], ["facilities", text.layer_facilities], ["others", text.layer_others],
      ["sites", text.layer_sites], ["roads", text.layer_roads], ["barriers", text.layer_barriers], ["labels", text.layer_labels]].forEach(function (entry) {
      if (entry[0] === "sites" && !data.sites.length) { return; }
      var input = el("input");
      input.type = "checkbox";
      input.checked = shown[entry[0]];
      input.dataset.layer = entry[0];
      input.addEventListener("change", function () { shown[entry[0]] = input.checked; colourUnits(); applyLayers(); drawLegend(); });
      list.appendChild(add(el("label"), input, el("span", null, entry[1])));
    });
    add(root, zoom, add(layers, toggle, list));
    L.DomEvent.disableClickPropagation(root);
    L.DomEvent.disableScrollPropagation(root);
    L.DomEvent.disableScrollPropagation(byId("legend"));
    L.DomEvent.disableScrollPropagation(byId("card"));
  }

  function setLayersOpen(open) {
    byId("layers").hidden = !open;
    byId("layers-button").setAttribute("aria-expanded", String(open));
    layoutNames();
  }

  /* ---------- left column ---------- */

  function drawHeadline() {
    var root = clear(byId("headline"));
    var c = criterion();
    byId("limit").textContent = c ? c.limit : "";
    if (!c) { return; }
    if (c.state === "no data") {
      add(root, add(el("div", "big"), el("b", null, text.no_data)));
    } else {
      add(root, add(el("div", "big"), el("b", null, percent(c.share)), el("span", null, text.covered)));
      var bar = el("div", "bar"), inner = el("i");
      inner.style.width = (c.share || 0) * 100 + "%";
      add(bar, inner);
      if (c.target !== null) {
        var mark = el("em");
        mark.style.left = c.target * 100 + "%";
        mark.title = text.target_mark + " " + percent(c.target);
        add(bar, mark);
      }
      var pair = el("div", "pair" + (c.short ? " warn" : ""));
      add(pair, emphasised(text.uncovered_of, { uncovered: people(c.uncovered), persons: people(c.persons) }, "uncovered"));
      add(pair, emphasised(text.short_of, { short: c.short, units: c.units }, "short"));
      add(root, bar, pair);
    }
    var verdict = el("ul", "verdict");
    c.lines.forEach(function (line) { add(verdict, el("li", null, line)); });
    add(root, verdict);
  }

  function emphasised(template, values, key) {
    var node = el("span"), parts = template.split("{" + key + "}");
    return add(node, document.createTextNode(fill(parts[0], values)), el("b", null, values[key]), document.createTextNode(fill(parts[1] || "", values)));
  }

  function tabList() {
    var c = criterion();
    return [["gaps", text.tab_gaps, c ? c.gaps.filter(function (g) { return g.kind !== "scattered"; }).length : 0], ["sites", text.tab_sites, data.sites.length],
      ["all", text.tab_all, data.criteria.length], ["notes", text.tab_notes, data.notices.length]];
  }

  function drawTabs(focus) {
    var root = clear(byId("tabs"));
    tabList().forEach(function (entry) {
      var button = el("button", null, entry[1]);
      button.type = "button";
      button.id = "tab-" + entry[0];
      button.setAttribute("role", "tab");
      button.setAttribute("aria-controls", "panel");
      button.setAttribute("aria-selected", String(state.tab === entry[0]));
      button.tabIndex = state.tab === entry[0] ? 0 : -1;
      add(button, el("i", null, entry[2]));
      button.addEventListener("click", function () { chooseTab(entry[0], true); });
      root.appendChild(button);
    });
    byId("panel").setAttribute("aria-labelledby", "tab-" + state.tab);
    if (focus) { byId("tab-" + state.tab).focus(); }
  }

  function chooseTab(tab, focus) { state.tab = tab; drawTabs(focus); drawPanel(); byId("panel").scrollTop = 0; }

  function tabKeys(event) {
    var order = tabList().map(function (entry) { return entry[0]; });
    var at = order.indexOf(state.tab);
    var step = { ArrowRight: 1, ArrowLeft: -1, Home: -at, End: order.length - 1 - at }[event.key];
    if (step === undefined) { return; }
    event.preventDefault();
    chooseTab(order[(at + step + order.length) % order.length], true);
  }

  function drawPanel() {
    var root = clear(byId("panel"));
    ({ gaps: panelGaps, sites: panelSites, all: panelAll, notes: panelNotes })[state.tab](root);
  }

  function empty(root, title, more, dull) { add(root, add(el("div", "empty" + (dull ? " plain" : "")), el("b", null, title), more ? el("span", null, more) : null)); }

  function panelGaps(root) {
    var c = criterion();
    if (!c || c.state === "no data") { empty(root, text.no_data, c ? c.lines[0] : "", true); return; }
    if (!c.gaps.length) { empty(root, text.no_gaps, text.no_gaps_more); return; }
    var list = null, kind = "";
    c.gaps.forEach(function (gap, number) {
      if (gap.kind !== kind) {
        kind = gap.kind;
        list = el("ol", "rows");
        add(root, kind === "scattered" ? null : el("h2", "kind", kind === "unit" ? text.gaps_units : text.gaps_patches), list);
      }
      add(list, add(el("li"), gapRow(gap, number)));
    });
    add(root, el("p", "for", data.rule));
  }

  function gapRow(gap, number) {
    var scattered = gap.kind === "scattered";
    var node = el(scattered ? "div" : "button", scattered ? "static" : "");
    var name = el("span", "name", gap.name || (gap.unit !== null ? data.units[gap.unit].id : "—"));
    var aside = scattered ? gap.parent : gap.parent;
    if (aside) { add(name, el("small", null, aside)); }
    add(node, el("span", "rank", scattered ? "" : gap.rank), name, el("span", "value", fill(text.people, { n: people(gap.uncovered) })));
    if (!scattered) {
      add(node, add(el("span", "more"), miniBar(gap.share), el("span", "num", text.unit_share + " " + percent(gap.share)), el("span", "end", data.causes[gap.cause] || gap.cause)));
      node.type = "button";
      node.dataset.gap = number;
      if (gap.unit !== null) { node.dataset.unit = data.units[gap.unit].id; }
      if (gap.unit !== null && gap.unit === state.chosen) { node.setAttribute("aria-current", "true"); }
      node.addEventListener("click", function () { state.opener = node; if (gap.unit !== null) { openUnit(gap.unit, true); } else { openPatch(gap); } });
    }
    return node;
  }

  function panelSites(root) {
    if (!data.sites.length) { empty(root, text.no_sites, "", true); return; }
    add(root, el("p", "for", fill(text.sites_for, { title: data.siting })));
    var list = el("ol", "rows");
    data.sites.forEach(function (site, number) {
      var node = el("button");
      node.type = "button";
      node.dataset.site = number;
      add(node, el("span", "pin", site.order), el("span", "name", site.name), el("span", "plus", "+" + fill(text.people, { n: people(site.new) })));
      add(node, add(el("span", "more"), el("span", null, site.kind === "upgrade" ? text.site_upgrade : text.site_unit), el("span", "end", fill(text.site_share, { share: percent(site.share) }))));
      node.addEventListener("click", function () { state.opener = node; openSite(number); map.setView([site.y, site.x], Math.max(map.getZoom(), 13)); });
      add(list, add(el("li"), node));
    });
    add(root, list);
  }

  function panelAll(root) {
    var list = el("ol", "rows scores");
    data.criteria.forEach(function (c, number) {
      var node = el("button");
      node.type = "button";
      node.dataset.criterion = c.key;
      if (number === state.criterion) { node.setAttribute("aria-current", "true"); }
      add(node, el("span", "name", c.title), el("span", "value", c.state === "no data" ? text.no_data : percent(c.share)));
      var more = el("span", "more");
      if (c.state !== "no data") { add(more, miniBar(c.share)); }
      add(more, el("span", null, c.limit), c.short ? el("span", "end", fill(text.of_units, { n: c.short })) : null);
      node.addEventListener("click", function () { chooseCriterion(number); byId("panel").querySelectorAll("button")[number].focus(); });
      add(list, add(el("li"), add(node, more)));
    });
    add(root, list);
  }

  function panelNotes(root) {
    var node = el("div", "notes"), c = criterion();
    function part(title, lines) {
      if (!lines.length) { return; }
      var list = el("ul");
      lines.forEach(function (line) { add(list, el("li", null, line)); });
      add(node, el("h2", null, title), list);
    }
    part(text.notices, data.notices.concat([text.drawing_note]));
    if (c) { part(text.clause_title, [c.clause, c.note].filter(Boolean)); }
    part(text.sources, data.credits);
    add(root, node);
  }

  /* ---------- cards ---------- */

  function openCard(title, under, flag, body) {
    var root = clear(byId("card"));
    var cap = el("div", "cap"), heading = el("h2", null, title), shut = el("button", "shut", "×");
    heading.id = "card-title";
    shut.type = "button";
    shut.setAttribute("aria-label", text.close);
    shut.addEventListener("click", closeCard);
    if (flag) { add(heading, el("span", "flag", flag)); }
    add(cap, heading, under ? el("p", null, under) : null, shut);
    add(root, cap, body);
    root.hidden = false;
    root.scrollTop = 0;
    layoutNames();
  }

  function closeCard() {
    if (byId("card").hidden) { return; }
    byId("card").hidden = true;
    choose(null);
    var back = state.opener;
    state.opener = null;
    if (back && document.contains(back)) { back.focus(); } else { map.getContainer().focus(); }
  }

  function choose(number) {
    state.chosen = number;
    markChosen(number);
    var rows = document.querySelectorAll("#panel [data-unit]");
    for (var i = 0; i < rows.length; i += 1) {
      if (number !== null && rows[i].dataset.unit === data.units[number].id) {
        rows[i].setAttribute("aria-current", "true");
      } else { rows[i].removeAttribute("aria-current"); }
    }
    layoutNames();
  }

  function figures(entries) {
    var list = el("dl", "three");
    entries.forEach(function (entry) { add(list, add(el("div", entry[2] ? "bad" : ""), el("dt", null, entry[0]), el("dd", null, entry[1]))); });
    return list;
  }

  function table(lines) {
    var node = el("table"), body = el("tbody");
    lines.forEach(function (line) {
      var tr = el("tr"), th = el("th", null, line[0]);
      th.scope = "row";
      add(tr, th, line.length > 2 ? el("td", "name", line[1]) : null, el("td", null, line[line.length - 1]));
      add(body, tr);
    });
    return add(node, body);
  }

  function bullets(lines) {
    var list = el("ul", "lines");
    lines.forEach(function (line) { add(list, el("li", null, line)); });
    return list;
  }

  function nearestTable(near) {
    var names = [text.by_time, text.by_road, text.by_straight], lines = [];
    near.forEach(function (entry, number) {
      if (entry[1] === null) { return; }
      var facility = entry[0] === null ? null : data.facilities[entry[0]];
      var value = number === 0 ? fill(text.n_min, { n: short(entry[1], 1) }) : fill(text.n_km, { n: short(entry[1], 2) });
      lines.push([names[number], facility ? facility.name : "—", value]);
    });
    return lines;
  }

  function reachLines(r) {
    var template = { min: text.reach_min, km: text.reach_km }[r[R.unit]];
    if (r[R.unit] === "facilities") { return [[text.in_unit, fill(text.n_facilities, { n: r[R.count] === null ? "—" : r[R.count] })]]; }
    if (!template) { return []; }
    return [[text.reach_half, R.p50], [text.reach_most, R.p90]].map(function (pair) {
      return [pair[0], r[pair[1]] === null ? text.unreachable : fill(template, { n: short(r[pair[1]], 1) })];
    });
  }

  function unitBody(number) {
    var body = el("div", "in"), r = row(number), unit = data.units[number];
    if (r) {
      add(body, figures([[text.unit_people, people(r[R.persons])], [text.unit_uncovered, people(r[R.uncovered]), r[R.short]], [text.unit_share, percent(r[R.share])]]));
      var lines = r[R.persons] > 0 ? reachLines(r) : [];
      if (r[R.cause]) { lines.unshift([text.cause, data.causes[r[R.cause]] || r[R.cause]]); }
      if (lines.length) { add(body, table(lines)); }
      var near = nearestTable([0, 1, 2].map(function (i) { return [r[R.near + 2 * i], r[R.near + 2 * i + 1]]; }));
      if (r[R.persons] > 0 && near.length) { add(body, el("h3", null, text.nearest), table(near)); }
    } else { add(body, el("p", "soft", data.classes[classOf(number)].name)); }
    var card = criterion() && criterion().cards[number];
    if (card && r && r[R.short]) { add(body, el("h3", null, text.why), bullets(card)); }
    if (data.criteria.length > 1) { add(body, el("h3", null, text.other_criteria), everyCriterion(number)); }
    return body;
  }

  function everyCriterion(number) {
    var node = el("table"), body = el("tbody");
    data.criteria.forEach(function (c) {
      var r = c.rows[number];
      if (!r) { return; }
      var value = add(el("td", r[R.short] ? "is-short" : ""), miniBar(r[R.share]), document.createTextNode(percent(r[R.share])));
      add(body, add(el("tr"), el("td", "name", c.title + " · " + c.limit), value));
    });
    return add(node, body);
  }

  function openUnit(number, zoom) {
    var unit = data.units[number], r = row(number);
    if (!zoom) { state.opener = null; }
    choose(number);
    var under = [unit.parent, { urban: text.area_urban, rural: text.area_rural }[unit.area], text.unit_id + " " + unit.id, text["basis_" + unit.basis]].filter(Boolean).join(" · ");
    openCard(unit.name || unit.id, under, r && r[R.short] ? text.short_mark : "", unitBody(number));
    if (zoom) {
      zoomTo(unit.shape.length ? unitLayers[number].getBounds() : L.latLngBounds([[unit.y, unit.x]]));
      byId("card").focus();
    }
  }

  function openPatch(gap) {
    choose(null);
    var body = el("div", "in");
    add(body, figures([[text.unit_people, people(gap.persons)], [text.unit_uncovered, people(gap.uncovered), true], [text.unit_share, percent(gap.share)]]));
    if (gap.cause) { add(body, table([[text.cause, data.causes[gap.cause] || gap.cause]])); }
    var near = nearestTable(gap.near);
    if (near.length) { add(body, el("h3", null, text.nearest), table(near)); }
    openCard(gap.name || "—", [text.gaps_patches, gap.parent].filter(Boolean).join(" · "), text.short_mark, body);
    if (gap.x !== null) { map.setView([gap.y, gap.x], Math.max(map.getZoom(), 14)); }
    byId("card").focus();
  }

  function openSite(number) {
    var site = data.sites[number], body = el("div", "in");
    choose(null);
    add(body, figures([[text.site_unit === "" ? "" : "+", people(site.new)], [text.unit_share, percent(site.share)]]));
    clear(body);
    add(body, bullets([fill(text.site_new, { n: people(site.new) }), fill(text.site_share, { share: percent(site.share) }),
      site.kind === "upgrade" ? text.site_upgrade : text.site_unit, fill(text.sites_for, { title: site.title })]));
    openCard(site.order + ". " + site.name, fill(text.site_title, { n: site.order }), "", body);
    byId("card").focus();
  }

  function openFacility(number) {
    var facility = data.facilities[number], c = criterion(), body = el("div", "in");
    choose(null);
    var lines = [[text.facility_type, facility.type], [text.unit_id, facility.id]];
    add(body, table(lines));
    var counts = c && c.counted.indexOf(number) >= 0;
    add(body, bullets([counts ? text.facility_counts : text.facility_other].concat(facility.attached ? [] : [text.facility_unattached])));
    openCard(facility.name || facility.id, text.kind_facility, "", body);
  }

  /* ---------- view ---------- */

  function bounds() {
    var all = L.latLngBounds([]);
    data.units.forEach(function (unit, number) { all.extend(unit.shape.length ? unitLayers[number].getBounds() : [unit.y, unit.x]); });
    data.facilities.slice(0, all.isValid() ? 0 : undefined).forEach(function (f) { all.extend([f.y, f.x]); });
    return all.isValid() ? all : L.latLngBounds([[-60, -170], [70, 170]]);
  }

  var whole = null;

  function wholeArea() {
    /* the legend stands on the left: the area is fitted beside it where the screen is wide enough */
    var legend = byId("legend"), beside = !legend.hidden && map.getSize().x > 900 ? legend.offsetWidth + 10 : 0;
    map.fitBounds(whole, { paddingTopLeft: [18 + beside, 18], paddingBottomRight: [18, 18], animate: false });
  }

  function zoomTo(box) {
    var wide = byId("stage") ? 0 : (window.innerWidth > 900 ? 350 : 0);
    map.fitBounds(box.pad(0.6), { paddingTopLeft: [20, 20], paddingBottomRight: [wide + 10, 20], maxZoom: 14, animate: false });
  }

  /* ---------- search ---------- */

  var index = [];

  function buildIndex() {
    data.units.forEach(function (unit, number) { index.push({ key: plain(unit.name), code: plain(unit.id), title: unit.name || unit.id, more: [unit.parent, unit.id].filter(Boolean).join(" · "), open: function () { openUnit(number, true); } }); });
    data.facilities.forEach(function (f, number) {
      index.push({ key: plain(f.name), code: plain(f.id), title: f.name || f.id, more: f.type, facility: true, open: function () { openFacility(number); map.setView([f.y, f.x], Math.max(map.getZoom(), 14)); byId("card").focus(); } });
    });
  }

  function search(words) {
    var wanted = plain(words), best = [[], [], [], []];
    if (!wanted) { return []; }
    index.forEach(function (entry) {
      var at = entry.key.indexOf(wanted);
      var rank = entry.key === wanted || entry.code === wanted ? 0 : at === 0 ? 1 : at > 0 ? 2 : entry.code.indexOf(wanted) >= 0 ? 3 : -1;
      if (rank >= 0) { best[entry.facility && rank > 0 ? 3 : rank].push(entry); }
    });
    return best[0].concat(best[1], best[2], best[3]).slice(0, MAX_FOUND);
  }

  var hits = [], active = -1;

  function showFound() {
    var input = byId("search"), list = clear(byId("found"));
    var began = window.performance.now();
    hits = search(input.value);
    document.body.dataset.searchMs = (window.performance.now() - began).toFixed(2);
    active = hits.length ? 0 : -1;
    hits.forEach(function (hit, number) {
      var item = add(el("li"), el("b", null, hit.title), el("span", null, hit.more));
      item.id = "found-" + number;
      item.setAttribute("role", "option");
      item.addEventListener("mousedown", function (event) { event.preventDefault(); take(number); });
      list.appendChild(item);
    });
    if (!hits.length && input.value.trim()) { list.appendChild(el("li", "none", text.search_none)); list.lastChild.setAttribute("role", "option"); list.lastChild.setAttribute("aria-disabled", "true"); }
    var open = input.value.trim() !== "";
    list.hidden = !open;
    input.setAttribute("aria-expanded", String(open));
    markActive();
  }

  function markActive() {
    var input = byId("search"), items = byId("found").children;
    for (var i = 0; i < items.length; i += 1) { items[i].setAttribute("aria-selected", String(i === active)); }
    if (active >= 0) { input.setAttribute("aria-activedescendant", "found-" + active); items[active].scrollIntoView({ block: "nearest" }); } else { input.removeAttribute("aria-activedescendant"); }
  }

  function hideFound() { byId("found").hidden = true; byId("search").setAttribute("aria-expanded", "false"); byId("search").removeAttribute("aria-activedescendant"); }

  function take(number) {
    var hit = hits[number];
    if (!hit) { return; }
    hideFound();
    byId("search").value = hit.title;
    state.opener = byId("search");
    hit.open();
  }

  function searchKeys(event) {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (byId("found").hidden) { showFound(); } else if (hits.length) { active = (active + (event.key === "ArrowDown" ? 1 : -1) + hits.length) % hits.length; markActive(); }
    } else if (event.key === "Enter") { event.preventDefault(); if (byId("found").hidden) { showFound(); } else { take(active); } }
  }

  /* ---------- start ---------- */

  function chooseCriterion(number) {
    state.criterion = number;
    byId("criterion").value = String(number);
    colourUnits();
    drawArea();
    drawFacilities();
    drawHeadline();
    drawTabs(false);
    drawPanel();
    drawLegend();
    applyLayers();
    if (state.chosen !== null && !byId("card").hidden) { openUnit(state.chosen, false); } else if (!byId("card").hidden) { closeCard(); }
  }

  function fillSelect() {
    var select = byId("criterion");
    data.criteria.forEach(function (c, number) {
      var option = el("option", null, c.title + " · " + c.limit);
      option.value = String(number);
      select.appendChild(option);
    });
    select.addEventListener("change", function () { chooseCriterion(Number(select.value)); });
  }

  function followHash() {
    var wanted = {};
    window.location.hash.replace(/^#/, "").split("&").forEach(function (part) {
      var at = part.indexOf("=");
      if (at < 1) { return; }
      try { wanted[part.slice(0, at)] = decodeURIComponent(part.slice(at + 1)); } catch (error) { if (!(error instanceof URIError)) { throw error; } }
    });
    data.criteria.forEach(function (c, number) { if (c.key === wanted.criterion) { chooseCriterion(number); } });
    data.units.forEach(function (unit, number) { if (unit.id === wanted.unit) { openUnit(number, true); } });
  }

  var Credits = L.Control.Attribution.extend({
    _update: function () { if (this._map) { this._container.textContent = data.credits.join(data.language === "zh" ? "；" : "; "); } }
  });

  function begin() {
    map.attributionControl = new Credits({ prefix: "" }).addTo(map);
    byId("credits").appendChild(map.attributionControl.getContainer());
    L.control.scale({ imperial: false, position: "bottomright", maxWidth: 160 }).addTo(map);
    map.getContainer().setAttribute("role", "application");
    map.getContainer().setAttribute("aria-label", text.map);
    drawUnits();
    whole = bounds();
    wholeArea();
    drawBasemap();
    drawSites();
    drawTools();
    fillSelect();
    buildIndex();
    byId("tabs").addEventListener("keydown", tabKeys);
    byId("search").addEventListener("input", showFound);
    byId("search").addEventListener("keydown", searchKeys);
    byId("search").addEventListener("blur", hideFound);
    map.on("moveend zoomend resize", layoutNames);
    map.on("zoomstart", function () { clear(map.getPane("names")); });
    document.addEventListener("keydown", function (event) {
      if (event.key !== "Escape") { return; }
      if (!byId("found").hidden) { hideFound(); } else if (!byId("layers").hidden) { setLayersOpen(false); byId("layers-button").focus(); } else { closeCard(); }
    });
    var first = data.criteria.findIndex(function (c) { return c.state !== "no data"; });
    chooseCriterion(Math.max(0, first));
    wholeArea();
    window.addEventListener("hashchange", followHash);
    followHash();
    document.body.dataset.ready = "yes";
  }

  begin();
}());
