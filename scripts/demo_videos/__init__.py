"""A generator of action videos: drawn people with volume and clothes, seen by cameras, true to the pixel.

``clips.py`` plans, ``scene.py`` draws, ``write.py`` writes: body.py (bones), motion.py (key poses to joint
angles), actions.py (what people do), figure.py and objects.py (facets), places.py (surroundings), camera.py,
paint.py (pixels), light.py, truth.py.
"""
